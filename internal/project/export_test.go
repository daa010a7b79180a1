package project

// InParts makes s remove no more than most rows at a time, and call between after each
// part.
func (s *Sweeper) InParts(most int, between func()) *Sweeper {
	s.most, s.between = most, between
	return s
}

// Parts are the tables whose rows go with a project, with what holds for them.
func Parts() map[string]string {
	out := map[string]string{}
	for _, p := range parts {
		out[p.table] = p.where
	}
	return out
}
