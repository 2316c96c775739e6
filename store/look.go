package store

// A list that leaves rows out looks at so many of them for one page: what it
// costs is bounded, however rare a match is. Where a page ends before it is
// full, its cursor says how far was looked.
const (
	lookFirst = 250 // mostly enough
	lookAt    = 5000
	looks     = 4 // after the first
)

// latestKey is above every stored time and number.
const latestKey = 1 << 62

// look makes one page of such a list. Rows come in the order of their keys.
type look[T any] struct {
	// matches are the first n rows that match among the next so many after the
	// cursor.
	matches func(after string, among, n int) ([]T, error)
	// reached is the cursor of the last of these, "" where there are fewer.
	reached func(after string, among int) (string, error)
	cursor  func(T) string
}

func (l look[T]) page(after string, n int) ([]T, string, error) {
	var found []T
	among := lookFirst
	for range 1 + looks {
		more, err := l.matches(after, among, n+1-len(found))
		if err != nil {
			return nil, "", err
		}
		if found = append(found, more...); len(found) > n {
			return found[:n], l.cursor(found[n-1]), nil
		}
		if after, err = l.reached(after, among); err != nil || after == "" {
			return found, "", err
		}
		among = lookAt
	}
	return found, after, nil
}
