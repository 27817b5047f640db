package storage_test

import (
	"testing"

	"github.com/elloloop/identity/storage"
)

func TestAddressPrefix(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "192.0.2.1": "192.0.2.1", "[::ffff:192.0.2.1]:80": "192.0.2.1",
		"[2001:db8::1]:80": "2001:db8::/56", "[fe80::1%eth0]:80": "fe80::/56", "@": "unknown", "": "unknown",
	} {
		if got := storage.AddressPrefix(addr); got != want {
			t.Errorf("AddressPrefix(%q) = %q, want %q", addr, got, want)
		}
	}
}
