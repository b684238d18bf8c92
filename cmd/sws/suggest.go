package main

import "strings"

// maxWord bounds the octets of a word that is compared, since the time that it
// takes is in proportion to the product of both lengths. No option or name of a
// choice is as long.
const maxWord = 64

// didYouMean returns what follows a complaint about typed: "; did you mean" and
// the nearest of words, or "" where none is near.
func didYouMean(typed string, words ...string) string {
	return meant(nearest(typed, words))
}

func meant(word string) string {
	if word == "" {
		return ""
	}
	return "; did you mean " + word + "?"
}

// nearest returns the one of words that was probably meant by typed: the one
// that is fewest slips away, whatever the case, or else the only one that begins
// with it. It returns "" where none is near, or two are equally near.
func nearest(typed string, words []string) string {
	if typed == "" || len(typed) > maxWord {
		return ""
	}
	typed = strings.ToLower(typed)
	near, fewest := "", maxWord
	begins, beginnings := "", 0
	for _, word := range words {
		if strings.HasPrefix(word, typed) {
			begins = word
			beginnings++
		}
		switch n := slips(typed, word); {
		case n > tolerated(word):
		case n < fewest:
			near, fewest = word, n
		case n == fewest:
			near = ""
		}
	}
	if fewest > 0 && beginnings == 1 && len(typed) > 1 {
		return begins
	}
	return near
}

// tolerated is how many slips a word bears: with more than about one in three of
// its letters wrong it was hardly meant.
func tolerated(word string) int { return min(3, (len(word)+1)/3) }

// slips returns how many letters have to be inserted, left out, replaced, or
// exchanged with their neighbour to make b of a: the distance of the optimal
// string alignment.
func slips(a, b string) int {
	from, to := []rune(a), []rune(b)
	before := make([]int, len(to)+1)
	above := make([]int, len(to)+1)
	row := make([]int, len(to)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(from); i++ {
		row[0] = i
		for j := 1; j <= len(to); j++ {
			cost := 1
			if from[i-1] == to[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(to)]
}
