package main

// inTurn blocks: it reads from one source until its end, then from the next. Who
// has something to say waits for all before him.
//
// Calls: read.
func inTurn(sources []*source) error {
	for _, s := range sources {
		for more := true; more; {
			var err error
			if more, err = s.hear(); err != nil {
				return err
			}
		}
	}
	return nil
}
