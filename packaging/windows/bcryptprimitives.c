// ProcessPrng for wine 8, which lacks the library that Go's runtime takes its
// randomness from (runtime/os_windows.go). For tests in wine only.
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
	return RtlGenRandom(data, (ULONG)size);
}
