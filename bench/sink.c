/*
 * A mail server that takes everything, keeps nothing and counts: octets from loopback in, replies and a number out.
 *
 * sink [-p PORT] [-c] [-r FILE [-f]]   prints "PORT n" at its start, and "COUNT n" when it gets SIGTERM or SIGINT.
 *   -c  offers CHUNKING (RFC 3030)     -r  writes the recipient of each message into FILE, before its 250
 *   -f  hands FILE's lines to the kernel before the replies are
 *
 * One thread and blocks instead of lines: a sink that reads octet by octet hides what a fast sender can do (speed S22).
 * It keeps to the order of commands (503), so a sender that loses count of its pipeline is not counted as fast.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_SIZE = 256 * 1024, OUT_SIZE = 8192, OUT_ROOM = 256, RCPT_SIZE = 1024, EVENTS = 64 };
enum state { COMMAND, BODY, CHUNK };

struct session {
    int fd, has_mail, is_last, closing;
    enum state state;
    unsigned long long chunk_left;
    size_t in_len, out_len, rcpt_len;
    char rcpt[RCPT_SIZE], out[OUT_SIZE], in[IN_SIZE];
};

static unsigned long long taken;
static FILE *record;
static int with_chunking, with_flush, epoll;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void say(struct session *s, const char *reply)
{
    size_t len = strlen(reply);
    memcpy(s->out + s->out_len, reply, len); /* `digest` stops while there is less than OUT_ROOM left */
    s->out_len += len;
}

static void forget(struct session *s)
{
    s->has_mail = 0;
    s->rcpt_len = 0;
    s->state = COMMAND;
}

static void accept_message(struct session *s)
{
    taken++;
    if (record)
        fprintf(record, "%.*s\n", (int)s->rcpt_len, s->rcpt);
    forget(s);
    say(s, "250 2.0.0 taken\r\n");
}

/* Where CRLF.CRLF begins, or n. From LF to LF: a third of what memmem costs. */
static size_t find_end(const char *p, size_t n)
{
    for (const char *at = p + 1, *end = p + n - 3; n > 4 && at < end; at++) {
        if (!(at = memchr(at, '\n', (size_t)(end - at))))
            break;
        if (at[1] == '.' && memcmp(at - 1, "\r\n.\r\n", 5) == 0)
            return (size_t)(at - p) - 1;
    }
    return n;
}

static void end_chunk(struct session *s)
{
    s->state = COMMAND;
    if (s->rcpt_len == 0) {
        forget(s);
        say(s, "503 5.5.1 no RCPT\r\n");
    } else if (s->is_last) {
        accept_message(s);
    } else {
        say(s, "250 2.0.0 go on\r\n");
    }
}

static void begin_chunk(struct session *s, const char *argument)
{
    char *end;
    s->chunk_left = strtoull(argument, &end, 10);
    if (!with_chunking || end == argument) {
        say(s, "501 5.5.4 no such chunk\r\n");
        s->closing = 1; /* where the next command begins nobody knows */
        return;
    }
    s->is_last = strncasecmp(end, " LAST", 5) == 0;
    s->state = CHUNK; /* even without a recipient: the octets are on the way */
    if (s->chunk_left == 0)
        end_chunk(s);
}

static void add_recipient(struct session *s, const char *line)
{
    const char *from = strchr(line, '<'), *to = from ? strchr(from, '>') : NULL;
    size_t gap = s->rcpt_len ? 1 : 0;
    size_t len = to ? (size_t)(to - from) - 1 : 0;
    if (!s->has_mail || !len || s->rcpt_len + gap + len > RCPT_SIZE) {
        say(s, !s->has_mail ? "503 5.5.1 no MAIL\r\n" : !len ? "501 5.1.3 no address\r\n" : "452 4.5.3 too many\r\n");
        return;
    }
    s->rcpt[s->rcpt_len] = ' '; /* between one and the next */
    memcpy(s->rcpt + s->rcpt_len + gap, from + 1, len);
    s->rcpt_len += gap + len;
    say(s, "250 2.1.5 ok\r\n");
}

/* A line without its CRLF. Only a DATA that is in order changes what the octets after it are. */
static void obey(struct session *s, const char *line)
{
    if (strncasecmp(line, "MAIL", 4) == 0) {
        say(s, s->has_mail ? "503 5.5.1 nested MAIL\r\n" : "250 2.1.0 ok\r\n");
        s->has_mail = 1;
    } else if (strncasecmp(line, "RCPT", 4) == 0) {
        add_recipient(s, line);
    } else if (strncasecmp(line, "DATA", 4) == 0) {
        say(s, s->rcpt_len ? "354 go\r\n" : "503 5.5.1 no RCPT\r\n");
        s->state = s->rcpt_len ? BODY : COMMAND;
    } else if (strncasecmp(line, "BDAT", 4) == 0) {
        begin_chunk(s, line + 4);
    } else if (strncasecmp(line, "EHLO", 4) == 0) {
        forget(s);
        say(s, "250-sink\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n");
        say(s, with_chunking ? "250-CHUNKING\r\n250 8BITMIME\r\n" : "250 8BITMIME\r\n");
    } else if (strncasecmp(line, "RSET", 4) == 0 || strncasecmp(line, "HELO", 4) == 0) {
        forget(s);
        say(s, "250 2.0.0 ok\r\n");
    } else if (strncasecmp(line, "NOOP", 4) == 0) {
        say(s, "250 2.0.0 ok\r\n");
    } else if (strncasecmp(line, "QUIT", 4) == 0) {
        say(s, "221 2.0.0 bye\r\n");
        s->closing = 1;
    } else {
        say(s, "500 5.5.2 unknown\r\n");
    }
}

/* One command, or as much of a body as is there. How many octets were used; 0 = more are needed. */
static size_t take(struct session *s, char *p, size_t n)
{
    if (s->state == CHUNK) {
        size_t part = s->chunk_left < n ? (size_t)s->chunk_left : n;
        s->chunk_left -= part;
        if (s->chunk_left == 0)
            end_chunk(s);
        return part;
    }
    if (s->state == BODY) {
        size_t end = find_end(p, n);
        if (end == n)
            return n > 4 ? n - 4 : 0; /* what may be the beginning of CRLF.CRLF stays */
        accept_message(s);
        return end + 5;
    }
    char *feed = memchr(p, '\n', n);
    if (!feed) {
        s->closing = n == IN_SIZE; /* no line is so long */
        return 0;
    }
    size_t len = (size_t)(feed - p);
    if (len == 0 || p[len - 1] != '\r') {
        say(s, "500 5.5.2 bare LF\r\n");
        return len + 1;
    }
    p[len - 1] = '\0';
    obey(s, p);
    p[len - 1] = '\r';
    return s->state == BODY ? len - 1 : len + 1; /* CRLF of DATA is CRLF before the dot of a message of nothing */
}

/* All that is complete; whether there was anything. */
static int digest(struct session *s)
{
    size_t at = 0, used;
    while (!s->closing && OUT_SIZE - s->out_len >= OUT_ROOM && at < s->in_len &&
           (used = take(s, s->in + at, s->in_len - at)) > 0)
        at += used;
    s->in_len -= at;
    memmove(s->in, s->in + at, s->in_len);
    return at > 0;
}

/* Whether the connection lives. What cannot be written now stays in `out`. */
static int flush(struct session *s)
{
    if (record && with_flush && s->out_len)
        fflush(record);
    while (s->out_len) {
        ssize_t n = send(s->fd, s->out, s->out_len, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        s->out_len -= (size_t)n;
        memmove(s->out, s->out + n, s->out_len);
    }
    return 1;
}

static void watch(int fd, void *whose, int operation, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = whose};
    if (epoll_ctl(epoll, operation, fd, &event))
        die("epoll_ctl");
}

static void turn(struct session *s, unsigned events)
{
    int alive = 1, was_stuck = s->out_len > 0;
    if (!was_stuck && events) {
        ssize_t n = read(s->fd, s->in + s->in_len, IN_SIZE - s->in_len);
        s->in_len += n > 0 ? (size_t)n : 0;
        alive = n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
    }
    while (alive && (alive = flush(s)) && !s->out_len && (digest(s) || s->out_len))
        ;
    if (!alive || (s->closing && !s->out_len)) {
        close(s->fd);
        free(s);
    } else if (was_stuck != (s->out_len > 0)) {
        watch(s->fd, s, EPOLL_CTL_MOD, s->out_len ? EPOLLOUT : EPOLLIN);
    }
}

static void welcome(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    struct session *s = fd < 0 ? NULL : malloc(sizeof *s);
    if (!s)
        return;
    memset(s, 0, offsetof(struct session, rcpt));
    s->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(fd, s, EPOLL_CTL_ADD, EPOLLIN);
    say(s, "220 sink ESMTP\r\n");
    turn(s, 0);
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 1024))
        die("listen");
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("PORT %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    int port = 0, option;
    while ((option = getopt(argc, argv, "p:cr:f")) != -1) {
        if (option == 'p')
            port = atoi(optarg);
        else if (option == 'c')
            with_chunking = 1;
        else if (option == 'f')
            with_flush = 1;
        else if (option != 'r')
            return 2;
        else if (!(record = fopen(optarg, "w")))
            die(optarg);
    }
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int signals = signalfd(-1, &ends, SFD_CLOEXEC), listener = listen_on(port);
    watch(signals, &ends, EPOLL_CTL_ADD, EPOLLIN);
    watch(listener, &port, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &ends) {
                printf("COUNT %llu\n", taken);
                return (record && fclose(record)) || fflush(stdout) ? 1 : 0;
            }
            if (events[i].data.ptr == &port)
                welcome(listener);
            else
                turn(events[i].data.ptr, events[i].events);
        }
    }
}
