package passhash

import (
	"encoding/base64"
	"strconv"
	"strings"
)

const (
	maxEncoded = 512 // characters of a hash
	minSalt    = 8   // bytes
	maxSalt    = 128
	minSum     = 16 // bytes: fewer would fit too many passwords
	maxSum     = 64
)

// parse reads a password hash.
//
//	$argon2id$v=19$m=65536,t=3,p=1$salt$sum         PHC; argon2i as well
//	$2a$, $2b$ and $2y$                             bcrypt
//	$scrypt$ln=16,r=8,p=1$salt$sum                  PHC, as passlib writes it
//	$7$                                             scrypt, as crypt(3) and libsodium write it
//	$pbkdf2$, $pbkdf2-sha256$ and $pbkdf2-sha512$   passlib; PHC with i= as well
//	pbkdf2_sha1$, pbkdf2_sha256$, pbkdf2_sha512$    Django; its argon2$ and bcrypt$ as well
func parse(s string) (parsed, error) {
	if len(s) > maxEncoded || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return parsed{}, ErrMalformed
	}
	if rest, ok := strings.CutPrefix(s, "argon2$"); ok { // Django's name before the PHC string
		s = "$" + rest
	} else if rest, ok := strings.CutPrefix(s, "bcrypt$"); ok {
		s = rest
	}
	if rest, ok := strings.CutPrefix(s, "$7$"); ok {
		return parseCryptScrypt(rest)
	}
	f := strings.Split(s, "$")
	if f[0] != "" {
		return parseDjango(f)
	}
	if len(f) < 3 || f[1] == "" {
		return parsed{}, ErrMalformed
	}
	switch f[1] {
	case "argon2id":
		return parseArgon2(argon2id, f[2:])
	case "argon2i":
		return parseArgon2(argon2i, f[2:])
	case "2a", "2b", "2y":
		return parseBcrypt(s, f[2:])
	case "scrypt":
		return parseScrypt(f[2:])
	case "pbkdf2", "pbkdf2-sha1":
		return parsePBKDF2(pbkdf2SHA1, f[2:])
	case "pbkdf2-sha256":
		return parsePBKDF2(pbkdf2SHA256, f[2:])
	case "pbkdf2-sha512":
		return parsePBKDF2(pbkdf2SHA512, f[2:])
	}
	return parsed{}, ErrUnsupported
}

func parseArgon2(k kind, f []string) (parsed, error) {
	version, versioned := strings.CutPrefix(f[0], "v=")
	if !versioned || version != "19" {
		// Version 16 is written v=16 or not at all; the library has version 19 alone.
		if _, ok := number(version); !ok && !strings.HasPrefix(f[0], "m=") {
			return parsed{}, ErrMalformed
		}
		return parsed{}, ErrUnsupported
	}
	if len(f) != 4 {
		return parsed{}, ErrMalformed
	}
	v, ok := parameters(f[1], "m=", "t=", "p=")
	if !ok {
		return parsed{}, ErrMalformed
	}
	m, t, p := v[0], v[1], v[2]
	if t < 1 || p < 1 || p < 1<<24 && m < 8*p {
		return parsed{}, ErrMalformed
	}
	if err := argon2Cost(m, t, p); err != nil {
		return parsed{}, err
	}
	salt, sum, ok := saltAndSum(f[2], f[3], maxSum)
	if !ok {
		return parsed{}, ErrMalformed
	}
	return parsed{kind: k, memory: uint32(m), time: uint32(t), lanes: uint8(p), salt: salt, sum: sum}, nil
}

func parseBcrypt(s string, f []string) (parsed, error) {
	if len(f) != 2 || len(f[0]) != 2 || len(f[1]) != 53 || !only(f[1], itoa64) {
		return parsed{}, ErrMalformed
	}
	cost, ok := number(strings.TrimPrefix(f[0], "0"))
	if !ok || cost < 4 || cost > 31 {
		return parsed{}, ErrMalformed
	}
	if cost > maxBcryptCost {
		return parsed{}, ErrCost
	}
	return parsed{kind: bcrypted, bcrypt: s}, nil
}

func parseScrypt(f []string) (parsed, error) {
	if len(f) != 3 {
		return parsed{}, ErrMalformed
	}
	v, ok := parameters(f[0], "ln=", "r=", "p=")
	if !ok {
		return parsed{}, ErrMalformed
	}
	salt, sum, ok := saltAndSum(f[1], f[2], maxSum)
	if !ok {
		return parsed{}, ErrMalformed
	}
	return newScrypt(v[0], v[1], v[2], salt, sum)
}

func newScrypt(ln, r, p uint64, salt, sum []byte) (parsed, error) {
	if ln < 1 || r < 1 || p < 1 {
		return parsed{}, ErrMalformed
	}
	if ln > 32 {
		return parsed{}, ErrCost
	}
	if err := scryptCost(1<<ln, r, p); err != nil {
		return parsed{}, err
	}
	return parsed{kind: scrypted, n: 1 << ln, r: int(r), p: int(p), salt: salt, sum: sum}, nil
}

// parseCryptScrypt reads what follows "$7$": one character for the logarithm of
// N, five each for r and p, the salt, and 43 characters of sum. The salt is used
// as it is written.
func parseCryptScrypt(s string) (parsed, error) {
	head, tail, ok := strings.Cut(s, "$")
	if !ok || len(head) < 11+minSalt || len(head) > 11+maxSalt || !only(head, itoa64) || len(tail) != 43 {
		return parsed{}, ErrMalformed
	}
	sum, ok := decode64(tail)
	if !ok {
		return parsed{}, ErrMalformed
	}
	return newScrypt(number64(head[:1]), number64(head[1:6]), number64(head[6:11]), []byte(head[11:]), sum)
}

func parsePBKDF2(k kind, f []string) (parsed, error) {
	if len(f) != 3 {
		return parsed{}, ErrMalformed
	}
	iterations, length, ok := pbkdf2Parameters(f[0])
	if !ok {
		return parsed{}, ErrMalformed
	}
	// passlib writes "." where base64 has "+".
	salt, sum, ok := saltAndSum(strings.ReplaceAll(f[1], ".", "+"), strings.ReplaceAll(f[2], ".", "+"), pbkdf2Size(k))
	if !ok || length != 0 && length != uint64(len(sum)) {
		return parsed{}, ErrMalformed
	}
	return newPBKDF2(k, iterations, salt, sum)
}

// pbkdf2Parameters reads "1000", "i=1000" and "i=1000,l=32".
func pbkdf2Parameters(s string) (iterations, length uint64, ok bool) {
	if v, ok := parameters(s, "i=", "l="); ok {
		return v[0], v[1], v[1] != 0
	}
	iterations, ok = number(strings.TrimPrefix(s, "i="))
	return iterations, 0, ok
}

// parseDjango reads "pbkdf2_sha256$1000$salt$sum", where the salt is used as it
// is written and the sum is base64 with its padding.
func parseDjango(f []string) (parsed, error) {
	var k kind
	switch f[0] {
	case "pbkdf2_sha1":
		k = pbkdf2SHA1
	case "pbkdf2_sha256":
		k = pbkdf2SHA256
	case "pbkdf2_sha512":
		k = pbkdf2SHA512
	default:
		if len(f) < 3 {
			return parsed{}, ErrMalformed
		}
		return parsed{}, ErrUnsupported
	}
	if len(f) != 4 || len(f[2]) < minSalt || len(f[2]) > maxSalt {
		return parsed{}, ErrMalformed
	}
	iterations, ok := number(f[1])
	if !ok {
		return parsed{}, ErrMalformed
	}
	sum, err := base64.StdEncoding.Strict().DecodeString(f[3])
	if err != nil || len(sum) < minSum || len(sum) > pbkdf2Size(k) {
		return parsed{}, ErrMalformed
	}
	return newPBKDF2(k, iterations, []byte(f[2]), sum)
}

func newPBKDF2(k kind, iterations uint64, salt, sum []byte) (parsed, error) {
	switch {
	case iterations < 1:
		return parsed{}, ErrMalformed
	case iterations > maxPBKDF2Iterations:
		return parsed{}, ErrCost
	}
	return parsed{kind: k, n: int(iterations), salt: salt, sum: sum}, nil
}

// pbkdf2Size is the digest's, in bytes. PBKDF2 does its work again for each digest
// that the sum is longer: no maker of password hashes does that.
func pbkdf2Size(k kind) int {
	switch k {
	case pbkdf2SHA1:
		return 20
	case pbkdf2SHA256:
		return 32
	default:
		return 64
	}
}

func saltAndSum(salt64, sum64 string, longest int) (salt, sum []byte, ok bool) {
	b64 := base64.RawStdEncoding.Strict()
	salt, err1 := b64.DecodeString(salt64)
	sum, err2 := b64.DecodeString(sum64)
	return salt, sum, err1 == nil && err2 == nil &&
		len(salt) >= minSalt && len(salt) <= maxSalt && len(sum) >= minSum && len(sum) <= longest
}

// parameters reads "m=1,t=2,p=3" with these names in this order.
func parameters(s string, names ...string) ([]uint64, bool) {
	f := strings.Split(s, ",")
	if len(f) != len(names) {
		return nil, false
	}
	out := make([]uint64, len(f))
	for i, name := range names {
		digits, ok := strings.CutPrefix(f[i], name)
		if !ok {
			return nil, false
		}
		if out[i], ok = number(digits); !ok {
			return nil, false
		}
	}
	return out, true
}

// number reads a decimal of 32 bits without sign and leading zeros, as PHC has it.
func number(s string) (uint64, bool) {
	if s == "" || len(s) > 1 && s[0] == '0' || !only(s, "0123456789") {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return n, err == nil
}

// itoa64 are the digits of crypt(3), each worth six bits.
const itoa64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func only(s, alphabet string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return !strings.ContainsRune(alphabet, c) }) < 0
}

// number64 reads a number of crypt(3)'s digits, the lowest first.
func number64(s string) uint64 {
	var n uint64
	for i := range len(s) {
		n |= uint64(strings.IndexByte(itoa64, s[i])) << (6 * i)
	}
	return n
}

// decode64 reads bytes of crypt(3)'s digits, three bytes in four digits, the
// lowest first.
func decode64(s string) ([]byte, bool) {
	if !only(s, itoa64) {
		return nil, false
	}
	var out []byte
	for ; len(s) > 0; s = s[min(4, len(s)):] {
		n, bits := number64(s[:min(4, len(s))]), 6*min(4, len(s))
		for ; bits >= 8; bits -= 8 {
			out = append(out, byte(n))
			n >>= 8
		}
		if n != 0 {
			return nil, false // bits that belong to no byte
		}
	}
	return out, true
}
