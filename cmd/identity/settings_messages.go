package main

import (
	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/storage"
)

// messagesOf makes what the default project sends to people.
func messagesOf(c *config.Config) storage.MessageSettings {
	m := c.Messages
	return storage.MessageSettings{
		Mail: len(c.Mail.Servers()) > 0, SMS: c.SMS.Enabled,
		PasswordlessSignup: m.Signup, CodeTTL: m.CodeTTL, CodeTries: m.CodeTries, LinkTTL: m.LinkTTL, Cooldown: m.Cooldown, RateLimitCodes: m.RateCodes,
		ResetEnabled: m.Reset, ResetTTL: m.ResetTTL, RateLimitReset: m.RateReset,
		RequireVerified: m.Verified, VerifyTTL: m.VerifyTTL, RateLimitVerify: m.RateProof,
	}
}
