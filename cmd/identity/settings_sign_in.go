package main

import (
	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/storage"
)

// signInOf makes the sign-in policy of the default project.
func signInOf(c *config.Config) storage.SignInSettings {
	return storage.SignInSettings{
		Policy:         storage.SignInPolicy{First: c.SignIn.First, Second: c.SignIn.Second, SecondFactor: c.SignIn.SecondFactor},
		RememberDevice: c.SignIn.Remember, StepUp: c.SignIn.StepUp, TOTPIssuer: c.SignIn.TOTPIssuer,
		PasskeysEnabled: c.SignIn.Passkeys, PasskeySignup: c.SignIn.PasskeySignup, PasskeyRPID: c.SignIn.PasskeyRPID, PasskeyRPName: c.SignIn.PasskeyRPName,
		PasskeyOrigins: c.SignIn.PasskeyOrigins, PasskeyRelated: c.SignIn.PasskeyRelated, PasskeyChallenge: c.SignIn.PasskeyChallenge,
		PasskeyVerify: c.SignIn.PasskeyVerify, PasskeyAttest: c.SignIn.PasskeyAttest, PasskeyClones: c.SignIn.PasskeyClones,
		QREnabled: c.SignIn.QR, QRBaseURL: c.SignIn.QRBaseURL, QRLife: c.SignIn.QRLife, QRSameNetwork: c.SignIn.QRSameNetwork,
	}
}
