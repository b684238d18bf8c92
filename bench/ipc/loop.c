//go:build ignore

/*
 * The loop of loop_test.go, in C with raw system calls: one of two processes
 * that exchange messages.
 *
 *	loop THREADS CALLS ROLE SIZE WINDOW ANSWER
 *
 * It receives from descriptor 3 and sends to 4, with read and write when CALLS is
 * "file", with recv and send when it is "socket". The client sends messages of
 * SIZE bytes, and after each WINDOW of them, and the last, awaits an answer of
 * ANSWER bytes from the server. Each line of standard input is how many messages
 * to exchange; to each it prints how long that took by the clock and how much CPU
 * time the process used, in nanoseconds. The line 0 has the two get into the swing:
 * they exchange messages, each with an answer, for WARM_UP. It ends with the input.
 *
 * THREADS is 1, or 2 to have a thread that does nothing: the kernel counts the
 * users of an open file in each call, and switches processes more slowly, when a
 * process has threads, as every Go program has.
 *
 * cc -O2 -pthread -o loop loop.c
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN = 3, OUT = 4 };
enum { WARM_UP = 25 * 1000 * 1000 }; /* nanoseconds */

static int is_socket, is_client;
static size_t size, answer;
static long window;
static char *buffer;

static void put(size_t want) {
	size_t done = 0;

	while (done < want) {
		ssize_t n = is_socket ? send(OUT, buffer + done, want - done, MSG_NOSIGNAL) : write(OUT, buffer + done, want - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			err(1, "send");
	}
}

static void get(size_t want) {
	size_t done = 0;

	while (done < want) {
		ssize_t n = is_socket ? recv(IN, buffer + done, want - done, 0) : read(IN, buffer + done, want - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0)
			errx(1, "the other process is gone");
		else if (errno != EINTR)
			err(1, "receive");
	}
}

static long long wall(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long cpu(void) {
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000LL + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000LL;
}

static void exchange(long count) {
	for (long i = 1; i <= count; i++) {
		int ask = i % window == 0 || i == count;

		if (is_client) {
			put(size);
			if (ask)
				get(answer);
		} else {
			get(size);
			if (ask)
				put(answer);
		}
	}
}

/* The first byte of a message says whether it is the last. */
static void warm_up(void) {
	long long began = wall();
	int last;

	do {
		if (is_client) {
			last = buffer[0] = wall() - began > WARM_UP;
			put(size);
			get(answer);
		} else {
			get(size);
			last = buffer[0];
			put(answer);
		}
	} while (!last);
}

static void *idle(void *nothing) {
	for (;;)
		pause();
	return nothing;
}

int main(int argc, char **argv) {
	pthread_t thread;
	long count;

	if (argc != 7)
		errx(2, "usage: loop THREADS CALLS ROLE SIZE WINDOW ANSWER");
	if (strcmp(argv[1], "2") == 0 && (errno = pthread_create(&thread, NULL, idle, NULL)) != 0)
		err(1, "thread");
	is_socket = strcmp(argv[2], "socket") == 0;
	is_client = strcmp(argv[3], "client") == 0;
	size = strtoul(argv[4], NULL, 10);
	window = strtol(argv[5], NULL, 10);
	answer = strtoul(argv[6], NULL, 10);
	buffer = calloc(1, size > answer ? size : answer);
	if (buffer == NULL)
		err(1, "buffer");
	while (scanf("%ld", &count) == 1) {
		long long began = wall(), used = cpu();
		if (count == 0)
			warm_up();
		else
			exchange(count);
		printf("%lld %lld\n", wall() - began, cpu() - used);
		fflush(stdout);
	}
	return 0;
}
