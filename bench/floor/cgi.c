// The least that a CGI program can be: it says hello and ends.
#include <unistd.h>

int main(void)
{
	static const char reply[] = "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";
	return write(1, reply, sizeof reply - 1) != sizeof reply - 1;
}
