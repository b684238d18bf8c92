// Nethttp serves a directory with the standard library's file server, as a
// measure of what the usual Go program costs.
//
//	nethttp PORT DIR
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: nethttp PORT DIR")
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], http.FileServer(http.Dir(os.Args[2]))))
}
