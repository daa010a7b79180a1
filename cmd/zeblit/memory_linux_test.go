package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyTheProgramsOwnReadOnlyPartsAreReleased(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]uintptr{
		"00400000-00500000 r-xp 00000000 fe:00 12 /bin/zeblit":  0x100000,
		"00500000-00501000 r--p 00100000 fe:00 12 /bin/zeblit":  0x1000,
		"00501000-00502000 rw-p 00200000 fe:00 12 /bin/zeblit":  0,
		"00502000-00503000 r--p 00200000 fe:00 13 /lib/libc.so": 0,
		"00503000-00504000 r--s 00200000 fe:00 12 /bin/zeblit":  0,
		"c000000000-c000400000 rw-p 00000000 00:00 0":           0,
		"nonsense": 0,
	} {
		_, size, ok := readOnlyPart(line, "/bin/zeblit")
		require.Equal(t, want, size, line)
		require.Equal(t, want > 0, ok, line)
	}
	releaseStartup() // the program lives on
}
