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
		PasswordlessSignup: m.Signup, CodeTTL: m.CodeTTL, CodeTries: m.CodeTries, LinkTTL: m.LinkTTL, Cooldown: m.Cooldown, RateLimitCodes: c.RateLimit.Passwordless,
		ResetEnabled: c.Password.ResetEnabled, ResetTTL: c.Password.ResetExpiry, RateLimitReset: c.RateLimit.Reset,
		VerifyTTL: m.VerifyTTL, RateLimitVerify: c.RateLimit.Verify, RequireVerified: c.Login.RequireVerified, InvitationTTL: m.InvitationTTL, HelpEnabled: m.HelpEnabled,
		PhoneCodeTTL: c.SMS.CodeTTL, PhoneCodeTries: c.SMS.CodeTries, PhoneCooldown: c.SMS.Cooldown, RateLimitPhone: c.RateLimit.Phone, PhonePrefixRate: c.SMS.PrefixRate,
	}
}
