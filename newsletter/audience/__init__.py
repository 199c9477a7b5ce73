"""Who reads: addresses, the columns of every tool's export, files of subscribers in and out."""
