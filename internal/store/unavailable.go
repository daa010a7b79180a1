package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/lib/pq"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Unfit says whether an error is about a text that PostgreSQL can't hold, as it has a NUL
// in it: nothing that is stored has that.
func Unfit(err error) bool {
	e, ok := errors.AsType[*pq.Error](err)
	return ok && e.Code == "22021" && strings.Contains(e.Message, "0x00") // character_not_in_repertoire
}

// Deadlocked says whether PostgreSQL has rolled a transaction back so that another one, which
// waited for it as it did for that, may go on. The same may succeed at once.
func Deadlocked(err error) bool {
	e, ok := errors.AsType[*pq.Error](err)
	return ok && e.Code == "40P01" // deadlock_detected
}

// Unavailable says whether an error is of the database's surroundings and not of what
// was asked of it: it can't be reached, is starting or ending, its disk is full or
// broken, or somebody else was in the way. The same may succeed later. Whether what
// was being committed is there, nobody knows.
func Unavailable(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		primary := e.Code() & 0xff
		return slices.Contains([]int{
			sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
		}, primary)
	}
	if e, ok := errors.AsType[*pq.Error](err); ok {
		// Lost connections, rollbacks for others' sake, too few resources, locks that were
		// waited for in vain, intervention by an operator, errors of the system.
		return slices.Contains([]string{"08", "40", "53", "55", "57", "58"}, string(e.Code.Class()))
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return errors.Is(err, errNoTurn) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}
