package store

// A list that leaves rows out looks at so many of them at once, and so many
// times for one page: what it costs is bounded, however rare a match is. Where
// a page ends before it is full, its cursor says how far was looked.
const (
	lookAt = 5000
	looks  = 4
)

// latestKey is above every stored time and number.
const latestKey = 1 << 62

// look makes one page of such a list. Rows come in the order of their keys.
type look[T any] struct {
	// matches are the first n rows that match among the next lookAt after the
	// cursor.
	matches func(after string, n int) ([]T, error)
	// reached is the cursor of the last of these lookAt rows, "" where there
	// are fewer.
	reached func(after string) (string, error)
	cursor  func(T) string
}

func (l look[T]) page(after string, n int) ([]T, string, error) {
	var found []T
	for range looks {
		more, err := l.matches(after, n+1-len(found))
		if err != nil {
			return nil, "", err
		}
		if found = append(found, more...); len(found) > n {
			return found[:n], l.cursor(found[n-1]), nil
		}
		if after, err = l.reached(after); err != nil || after == "" {
			return found, "", err
		}
	}
	return found, after, nil
}
