// A CGI program that uses all the processor it gets, for a tenth of a second of
// the clock, and then says hello.
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(void)
{
	static const char reply[] = "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";
	for (double end = now() + 0.1; now() < end;)
		;
	return write(1, reply, sizeof reply - 1) != sizeof reply - 1;
}
