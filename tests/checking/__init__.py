"""The checks: each rule with a mail that passes and one that does not."""
