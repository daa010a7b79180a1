//go:build !faults

package faults

// Enabled says whether the program was built with the tag "faults".
const Enabled = false

// Point does nothing in this build.
func Point(string, ...string) {}
