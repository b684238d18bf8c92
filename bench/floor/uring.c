/*
 * Answers every receive that holds the end of a request head with one
 * constant, through io_uring(7): multishot accept and receive with provided
 * buffers, sends batched into the next submission. The floor for a server on
 * completions; it is no server.
 *
 *	uring PORT FILE
 *
 * cc -O2 -o uring uring.c -luring		(Linux 6.0, liburing 2.2)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENTRIES = 4096, COMPLETIONS = 16384 };
enum { BUFFERS = 4096, BUFFER_SIZE = 2048, BUFFER_GROUP = 1 };

/* What a completion belongs to: the operation and, above it, the descriptor. */
enum { ACCEPT = 1, RECEIVE, SEND, OPERATION = 0xff, DESCRIPTOR_SHIFT = 8 };

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static char *memory;
static char reply[4096];
static size_t reply_size;
static const int on = 1;

/* The fields are those that sws sends, so that the bytes on the wire are as many. */
static void make_reply(const char *path) {
	static const char date[] = "Sun, 22 Nov 2026 21:30:00 GMT";
	char body[2048];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size;

	if (fd == -1 || (size = read(fd, body, sizeof body)) == -1)
		err(1, "%s", path);
	close(fd);
	reply_size = (size_t)snprintf(reply, sizeof reply,
	    "HTTP/1.1 200 OK\r\nServer: sws\r\nDate: %s\r\nContent-Type: text/html\r\n"
	    "Last-Modified: %s\r\nETag: \"abc-400\"\r\nContent-Length: %zd\r\n\r\n", date, date, size);
	memcpy(reply + reply_size, body, (size_t)size);
	reply_size += (size_t)size;
}

static int listen_on(int port) {
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1 ||
	    bind(fd, (struct sockaddr *)&a, sizeof a) == -1 || listen(fd, 4096) == -1)
		err(1, "listen on port %d", port);
	return fd;
}

static void give_buffer(int id, int offset) {
	io_uring_buf_ring_add(buffers, memory + (size_t)id * BUFFER_SIZE, BUFFER_SIZE, (unsigned short)id,
	    io_uring_buf_ring_mask(BUFFERS), offset);
}

static void make_ring(void) {
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
		.cq_entries = COMPLETIONS,
	};
	struct io_uring_buf_reg reg = { .ring_entries = BUFFERS, .bgid = BUFFER_GROUP };
	int e = io_uring_queue_init_params(ENTRIES, &ring, &p);

	if (e < 0) {
		errno = -e;
		err(1, "io_uring_setup");
	}
	memory = aligned_alloc(4096, BUFFERS * BUFFER_SIZE);
	buffers = aligned_alloc(4096, BUFFERS * sizeof(struct io_uring_buf));
	if (memory == NULL || buffers == NULL)
		err(1, "buffers");
	reg.ring_addr = (unsigned long)buffers;
	if ((e = io_uring_register_buf_ring(&ring, &reg, 0)) < 0) {
		errno = -e;
		err(1, "register the buffers");
	}
	io_uring_buf_ring_init(buffers);
	for (int i = 0; i < BUFFERS; i++)
		give_buffer(i, i);
	io_uring_buf_ring_advance(buffers, BUFFERS);
}

/* The submission queue may be full: then what it holds goes to the kernel first. */
static struct io_uring_sqe *entry(void) {
	struct io_uring_sqe *s;

	while ((s = io_uring_get_sqe(&ring)) == NULL)
		io_uring_submit(&ring);
	return s;
}

static void ask_accept(int listener) {
	struct io_uring_sqe *s = entry();

	io_uring_prep_multishot_accept(s, listener, NULL, NULL, SOCK_CLOEXEC);
	s->user_data = ACCEPT;
}

static void ask_receive(int fd) {
	struct io_uring_sqe *s = entry();

	io_uring_prep_recv_multishot(s, fd, NULL, 0, 0);
	s->buf_group = BUFFER_GROUP;
	s->flags |= IOSQE_BUFFER_SELECT;
	s->user_data = RECEIVE | (__u64)fd << DESCRIPTOR_SHIFT;
}

static void ask_send(int fd) {
	struct io_uring_sqe *s = entry();

	io_uring_prep_send(s, fd, reply, reply_size, MSG_WAITALL | MSG_NOSIGNAL);
	s->flags |= IOSQE_CQE_SKIP_SUCCESS;
	s->user_data = SEND;
}

static void accepted(const struct io_uring_cqe *c, int listener) {
	if (c->res >= 0) {
		setsockopt(c->res, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		ask_receive(c->res);
	}
	if (!(c->flags & IORING_CQE_F_MORE))
		ask_accept(listener);
}

static void received(const struct io_uring_cqe *c, int fd) {
	if (c->res > 0) {
		int id = (int)(c->flags >> IORING_CQE_BUFFER_SHIFT);

		if (memmem(memory + (size_t)id * BUFFER_SIZE, (size_t)c->res, "\r\n\r\n", 4) != NULL)
			ask_send(fd);
		give_buffer(id, 0);
		io_uring_buf_ring_advance(buffers, 1);
	} else if (c->res != -ENOBUFS) {
		close(fd);
		return;
	}
	if (!(c->flags & IORING_CQE_F_MORE))
		ask_receive(fd);
}

int main(int argc, char **argv) {
	int listener;

	if (argc != 3)
		errx(2, "usage: uring PORT FILE");
	make_reply(argv[2]);
	listener = listen_on(atoi(argv[1]));
	make_ring();
	ask_accept(listener);
	for (;;) {
		struct io_uring_cqe *c;
		unsigned head, n = 0;

		io_uring_submit_and_wait(&ring, 1);
		io_uring_for_each_cqe(&ring, head, c) {
			n++;
			switch (c->user_data & OPERATION) {
			case ACCEPT:
				accepted(c, listener);
				break;
			case RECEIVE:
				received(c, (int)(c->user_data >> DESCRIPTOR_SHIFT));
				break;
			}
		}
		io_uring_cq_advance(&ring, n);
	}
}
