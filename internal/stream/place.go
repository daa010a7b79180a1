package stream

// Place is where a reader stands in a project's log. Two readers at equal places are
// given the same from there on.
type Place struct {
	// Seq is the number up to which the reader has been served.
	Seq int64
	// epoch counts how often the database was set back: behind one number there may
	// have been something else before. It is owing where a STREAM_RESET comes next.
	epoch int
}

const owing = -1

// Owes reports whether a STREAM_RESET comes next.
func (p Place) Owes() bool { return p.epoch == owing }

// Beside reports whether two places are in the same log, so that their numbers can be
// compared. A reader that owes a STREAM_RESET stands beside nobody.
func (p Place) Beside(other Place) bool { return p.epoch == other.epoch && !p.Owes() }

// Place is where the reader stands. Like Last it is for whoever calls Next.
func (r *Reader) Place() Place {
	if r.owes != "" {
		return Place{r.last, owing}
	}
	return Place{r.last, r.epoch}
}
