/* Keeps wine's desktop: it would end with each program that has a window, and the next
 * window could come in its end. Says "ready" when it is there. */
#include <stdio.h>
#include <windows.h>

int main(void)
{
	MSG message;

	if (!CreateWindowA("STATIC", "", WS_POPUP, 0, 0, 1, 1, NULL, NULL, NULL, NULL))
		return 1;
	puts("ready");
	fflush(stdout);
	while (GetMessageA(&message, NULL, 0, 0) > 0)
		DispatchMessageA(&message);
	return 0;
}
