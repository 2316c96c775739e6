package ui

import (
	"hash/fnv"
	"strconv"
)

// tones is how many quiet colours a mark with initials can have.
const tones = 6

// tone picks the colour class of a name's mark: the same name, the same tone.
func tone(name string) string {
	h := fnv.New32a()
	h.Write([]byte(name))
	return "tone-" + strconv.Itoa(int(h.Sum32()%tones))
}
