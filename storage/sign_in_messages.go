package storage

import "time"

// MessageSettings say what a project sends to people, and how often.
type MessageSettings struct {
	Mail bool // letters leave
	SMS  bool // short messages leave

	PasswordlessSignup bool          // who proves a mail address that nobody has gets an account
	CodeTTL            time.Duration // of a code by mail
	CodeTries          int           // wrong ones for one code
	LinkTTL            time.Duration // of a link that signs in
	Cooldown           time.Duration // between two letters that one place asks for, to one address
	RateLimitCodes     int           // letters that sign in, by one address in a window

	ResetEnabled    bool
	ResetTTL        time.Duration
	RateLimitReset  int
	VerifyTTL       time.Duration
	RateLimitVerify int
	InvitationTTL   time.Duration
	HelpEnabled     bool // people who can't get in may write to the administrators
	RequireVerified bool // nobody goes on to an application whose mail address is not proven

	PhoneCodeTTL    time.Duration
	PhoneCodeTries  int
	PhoneCooldown   time.Duration
	RateLimitPhone  int
	PhonePrefixRate int // short messages to one range of numbers in an hour: toll fraud goes to ranges
}

// SendsMail says whether a letter would reach anybody: what needs one is not
// offered otherwise. A development server keeps them all in its inbox.
func (p *Project) SendsMail() bool { return p.Messages.Mail || p.InsecureDevelopment }

// SendsSMS is SendsMail for short messages.
func (p *Project) SendsSMS() bool { return p.Messages.SMS || p.InsecureDevelopment }
