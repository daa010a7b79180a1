package stream

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"entgo.io/ent/dialect"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
)

// batch is what one run, under one epoch, writes in one transaction.
type batch struct {
	handle access.StreamHandle
	runID  string
	epoch  int64
	drafts []Draft
	deltas int
	bytes  int
	// again says that an attempt has failed, maybe only in telling its outcome.
	again bool
	// stale is set by write, err by commit.
	stale bool
	err   error
}

// group sorts deltas by run, keeping the order within each, and joins those that
// follow each other in a message.
func group(queue []Delta) []*batch {
	type key struct {
		run   string
		epoch int64
	}
	var batches []*batch
	byKey := map[key]*batch{}
	texts := map[key]*text{}
	for _, d := range queue {
		k := key{d.RunID, d.Epoch}
		b, t := byKey[k], texts[k]
		if b == nil {
			b = &batch{handle: d.Handle, runID: d.RunID, epoch: d.Epoch}
			byKey[k], batches = b, append(batches, b)
		}
		if t == nil || t.message != d.MessageID || t.end != d.Offset {
			if t != nil {
				b.add(t)
			}
			t = &text{message: d.MessageID, offset: d.Offset, end: d.Offset}
			texts[k] = t
		}
		t.WriteString(d.Text)
		t.end += UTF16Len(d.Text)
		b.deltas++
		b.bytes += len(d.Text) + deltaOverhead
	}
	for k, t := range texts {
		byKey[k].add(t)
	}
	return batches
}

// text is a stretch of a message; offset and end are UTF-16 units.
type text struct {
	strings.Builder
	message     string
	offset, end int
}

func (b *batch) add(t *text) {
	offset := t.offset
	for rest := t.String(); rest != ""; {
		piece := rest[:fitting(rest)]
		rest = rest[len(piece):]
		b.drafts = append(b.drafts, Draft{
			Type: enum.EventMessageDelta, RunID: b.runID,
			Payload: DeltaPayload{V: 1, MessageID: t.message, Offset: offset, Text: piece},
		})
		offset += UTF16Len(piece)
	}
}

// maxText leaves room in a payload for what stands beside the text.
const maxText = maxPayload - 1<<10

// fitting is the length of the longest start of s that fits an event, cut between
// two characters.
func fitting(s string) int {
	size := 0
	for i, r := range s {
		if size += jsonLen(r); size > maxText {
			return i
		}
	}
	return len(s)
}

// jsonLen is the bytes that r takes in a JSON string at most.
func jsonLen(r rune) int {
	switch {
	case r < 0x20, r == '\u2028', r == '\u2029', r == utf8.RuneError:
		return 6
	case r == '"', r == '\\':
		return 2
	}
	return utf8.RuneLen(r)
}

// UTF16Len is the length of s as browsers count it, the unit of a delta's offset.
func UTF16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// write commits the batches together, except those whose epoch has moved on or
// whose run is gone: these become stale. Nothing can claim a run between the check
// and the commit.
func (d *Deltas) write(ctx context.Context, batches []*batch) error {
	return d.inTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		epochs, err := lockEpochs(ctx, tx, batches)
		if err != nil {
			return err
		}
		for _, b := range batches {
			epoch, found := epochs[b.runID]
			b.stale = !found || epoch != b.epoch
			if b.stale {
				continue
			}
			if b.again {
				if done, err := b.written(ctx, tx); done || err != nil {
					return err // it is alone in its transaction
				}
			}
			d.log.Append(tx, b.handle, b.drafts...)
		}
		return nil
	})
}

// written says whether an earlier attempt has written the batch. It wrote all of it or
// nothing, and what a run says is written in order, so the run's latest delta tells.
// The stream is locked first: the earlier attempt may be committing still.
func (b *batch) written(ctx context.Context, tx *store.Tx) (bool, error) {
	project := b.handle.Project()
	if tx.Dialect == dialect.Postgres {
		if _, err := tx.SQL.ExecContext(ctx, "SELECT 1 FROM streams WHERE id = $1 FOR UPDATE", project); err != nil {
			return false, fmt.Errorf("lock the stream of %s: %w", project, err)
		}
	}
	const query = `SELECT payload FROM events
		WHERE stream_id = $1 AND run_id = $2 AND run_id <> '' AND type = $3 ORDER BY seq DESC LIMIT 1`
	var payload []byte
	err := tx.SQL.QueryRowContext(ctx, query, project, b.runID, string(enum.EventMessageDelta)).Scan(&payload)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the latest delta of run %s: %w", b.runID, err)
	}
	var latest DeltaPayload
	if err := json.Unmarshal(payload, &latest); err != nil {
		return false, fmt.Errorf("read the latest delta of run %s: %w", b.runID, err)
	}
	last := b.drafts[len(b.drafts)-1].Payload.(DeltaPayload)
	return latest.MessageID == last.MessageID && latest.Offset >= last.Offset, nil
}

// lockEpochs reads the runs' epochs and keeps them as they are until the
// transaction ends. SQLite has one writer and needs no lock. Runs are locked in id
// order, and before any stream, as every writer of a run does.
func lockEpochs(ctx context.Context, tx *store.Tx, batches []*batch) (map[string]int64, error) {
	ids := map[string]bool{}
	for _, b := range batches {
		ids[b.runID] = true
	}
	epochs := map[string]int64{}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(ids)), maxRows) {
		if err := readEpochs(ctx, tx, chunk, epochs); err != nil {
			return nil, fmt.Errorf("read the epochs of runs: %w", err)
		}
	}
	return epochs, nil
}

func readEpochs(ctx context.Context, tx *store.Tx, ids []string, epochs map[string]int64) error {
	places, args := make([]string, len(ids)), make([]any, len(ids))
	for i, id := range ids {
		places[i], args[i] = fmt.Sprintf("$%d", i+1), id
	}
	query := "SELECT id, epoch FROM runs WHERE id IN (" + strings.Join(places, ",") + ") ORDER BY id"
	if tx.Dialect == dialect.Postgres {
		query += " FOR SHARE"
	}
	rows, err := tx.SQL.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var epoch int64
		if err := rows.Scan(&id, &epoch); err != nil {
			return err
		}
		epochs[id] = epoch
	}
	return rows.Err()
}
