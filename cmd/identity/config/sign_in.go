package config

import "time"

// SignIn is which ways in there are, and how much they have to prove.
type SignIn struct {
	First        []string      `key:"login.first_factors" env:"GATEWAY_LOGIN_FIRST_FACTORS" doc:"Flows that may say who somebody is, such as password,passkey. Empty: all."`
	Second       []string      `key:"login.second_factors" env:"GATEWAY_LOGIN_SECOND_FACTORS" doc:"Flows that may be the second factor, such as totp,recoverycode. Empty: all."`
	SecondFactor string        `key:"second_factor.policy" env:"GATEWAY_SECOND_FACTOR_POLICY" default:"optional" oneof:"optional required off" doc:"Who is asked for a second factor. optional: who has one. required: everybody, and who has none sets one up. off: nobody, unless the application asks for acr mfa."`
	Remember     time.Duration `key:"second_factor.remember_seconds" env:"GATEWAY_SECOND_FACTOR_REMEMBER_SECONDS" default:"0" min:"0" max:"31536000" doc:"How long a second factor is not asked again on a device where the person wished so. 0: it is always asked."`
	StepUp       time.Duration `key:"step_up_seconds" env:"GATEWAY_STEP_UP_SECONDS" default:"300" min:"30" max:"3600" doc:"How old a sign-in may be for changing how the account is signed in to."`
	TOTPIssuer   string        `key:"totp.issuer" env:"GATEWAY_TOTP_ISSUER" doc:"Name that authenticator apps show. Empty: the name of the product, or the host of the issuer."`
}
