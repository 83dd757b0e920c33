//go:build linux

package hosts

const cutAfterVariable = "KEYBROKER_TEST_CUT_AFTER"

func cutSFTP() int { return 0 }
