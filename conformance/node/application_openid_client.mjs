// The application, with openid-client.
import * as client from 'openid-client'
import { redirectURI, serve, task } from './application.mjs'

const config = await client.discovery(new URL(task.issuer), task.client_id, {}, client.ClientSecretBasic(task.client_secret))
client.enableNonRepudiationChecks(config) // verify the ID token's signature too

serve(
  {
    async begin() {
      const checks = {
        pkceCodeVerifier: client.randomPKCECodeVerifier(),
        expectedState: client.randomState(),
        expectedNonce: client.randomNonce(),
        idTokenExpected: true,
      }
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectURI,
        scope: 'openid email',
        state: checks.expectedState,
        nonce: checks.expectedNonce,
        code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
        code_challenge_method: 'S256',
      })
      return { url, checks }
    },
    async redeem(callback, checks) {
      const tokens = await client.authorizationCodeGrant(config, callback, checks)
      const { sub, sid } = tokens.claims()
      const { email } = await client.fetchUserInfo(config, tokens.access_token, sub)
      return { sub, sid, email, accessToken: tokens.access_token, refreshToken: tokens.refresh_token, idToken: tokens.id_token }
    },
    async refresh(session) {
      const tokens = await client.refreshTokenGrant(config, session.refreshToken)
      const { email } = await client.fetchUserInfo(config, tokens.access_token, session.sub)
      return { email, accessToken: tokens.access_token, refreshToken: tokens.refresh_token }
    },
    endSession: (session, to) => client.buildEndSessionUrl(config, { id_token_hint: session.idToken, post_logout_redirect_uri: to }),
  },
  config.serverMetadata().jwks_uri,
)
