package outbound

import "net/netip"

// special is an address range that no fetch may reach.
type special struct {
	prefix netip.Prefix
	kind   string
}

// specials are the ranges of the IANA special-purpose registries (RFC 6890), and
// addresses where clouds answer their own machines with credentials.
var specials = []special{
	{netip.MustParsePrefix("169.254.169.254/32"), "a cloud's metadata service"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's metadata service"}, // in public space: no other row has it
	{netip.MustParsePrefix("100.100.100.200/32"), "a cloud's metadata service"},
	{netip.MustParsePrefix("fd00:ec2::254/128"), "a cloud's metadata service"},
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by carriers (CGNAT)"}, // RFC 6598
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documents alone"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a 6to4 relay"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks alone"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documents alone"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documents alone"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},

	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("64:ff9b::/96"), "an IPv4 address behind NAT64"},   // RFC 6052
	{netip.MustParsePrefix("64:ff9b:1::/48"), "an IPv4 address behind NAT64"}, // RFC 8215
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("2001::/32"), "an IPv4 address in Teredo"}, // RFC 4380
	{netip.MustParsePrefix("2001::/23"), "reserved"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documents alone"},
	{netip.MustParsePrefix("2002::/16"), "an IPv4 address in 6to4"}, // RFC 3056
	{netip.MustParsePrefix("3fff::/20"), "for documents alone"},
}

// global is all of IPv6 that is given out for the public.
var global = netip.MustParsePrefix("2000::/3")

// refusal says what kind of address it is if it is no public one, "" if it is.
// An IPv4-mapped address is the IPv4 address in it.
func refusal(a netip.Addr) string {
	if !a.IsValid() {
		return "no address"
	}
	if a.Zone() != "" {
		return "link-local"
	}
	a = a.Unmap()
	for _, s := range specials {
		if s.prefix.Contains(a) {
			return s.kind
		}
	}
	if a.Is6() && !global.Contains(a) {
		return "not public"
	}
	return ""
}
