// Package conformance holds black-box tests of the built binary, by standard, and
// logins through clients that others wrote. It imports nothing of this module: what
// it knows, it knows over HTTP and the command line.
//
// What runs beside Go: node with the packages of conformance/node/package-lock.json,
// and Chromium. `make test` installs the packages. What is missing fails a test and
// says how to get it. Nothing outside the loopback interface is contacted.
package conformance
