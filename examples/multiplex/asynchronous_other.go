//go:build !linux

package main

// asynchronous is empty: this system has no more than SIGIO.
var asynchronous []way
