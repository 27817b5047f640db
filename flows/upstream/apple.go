package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/elloloop/identity/storage"
)

// appleKey reads the key that Apple gave. Its error never quotes it.
func appleKey(file string) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(file))
	if block == nil {
		return nil, errNoSecret
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errNoSecret // the error may quote the key
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, errNoSecret
	}
	return private, nil
}

// appleSecret is the client secret that Apple takes: a JWT that the team's key
// signs (RFC 7523 §3, in the parameter of a secret). It is made for each request.
func appleSecret(p *storage.Provider, key string, now time.Time) (string, error) {
	private, err := appleKey(key)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: p.KeyID}}, nil)
	if err != nil {
		return "", errNoSecret
	}
	return jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: p.TeamID, Subject: p.ClientID, Audience: jwt.Audience{appleAudience},
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(5 * time.Minute)),
	}).Serialize()
}

// appleAudience is fixed, wherever Apple's endpoints are.
const appleAudience = "https://appleid.apple.com"

// appleName is the name in what Apple posts the first time, beside the code. It
// is not signed: good for a greeting, for nothing else.
func appleName(user string) string {
	if user == "" || len(user) > 4096 {
		return ""
	}
	var u struct {
		Name struct {
			First string `json:"firstName"`
			Last  string `json:"lastName"`
		} `json:"name"`
	}
	if json.Unmarshal([]byte(user), &u) != nil {
		return ""
	}
	return shown(strings.TrimSpace(u.Name.First + " " + u.Name.Last))
}
