// The application, with oauth4webapi.
import * as oauth from 'oauth4webapi'
import { redirectURI, serve, task } from './application.mjs'

const issuer = new URL(task.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer))
const client = { client_id: task.client_id }
const authentication = oauth.ClientSecretBasic(task.client_secret)

async function emailOf(sub, accessToken) {
  const { email } = await oauth.processUserInfoResponse(as, client, sub, await oauth.userInfoRequest(as, client, accessToken))
  return email
}

serve(
  {
    async begin() {
      const checks = { verifier: oauth.generateRandomCodeVerifier(), state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce() }
      const url = new URL(as.authorization_endpoint)
      url.search = new URLSearchParams({
        client_id: client.client_id,
        redirect_uri: redirectURI,
        response_type: 'code',
        scope: 'openid email',
        state: checks.state,
        nonce: checks.nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(checks.verifier),
        code_challenge_method: 'S256',
      })
      return { url, checks }
    },
    async redeem(callback, checks) {
      const parameters = oauth.validateAuthResponse(as, client, callback, checks.state)
      const response = await oauth.authorizationCodeGrantRequest(as, client, authentication, parameters, redirectURI, checks.verifier)
      const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: checks.nonce, requireIdToken: true })
      await oauth.validateApplicationLevelSignature(as, response)
      const { sub, sid } = oauth.getValidatedIdTokenClaims(tokens)
      const email = await emailOf(sub, tokens.access_token)
      return { sub, sid, email, accessToken: tokens.access_token, refreshToken: tokens.refresh_token, idToken: tokens.id_token }
    },
    async refresh(session) {
      const response = await oauth.refreshTokenGrantRequest(as, client, authentication, session.refreshToken)
      const tokens = await oauth.processRefreshTokenResponse(as, client, response)
      return { email: await emailOf(session.sub, tokens.access_token), accessToken: tokens.access_token, refreshToken: tokens.refresh_token }
    },
    endSession(session, to) {
      const url = new URL(as.end_session_endpoint)
      url.search = new URLSearchParams({ id_token_hint: session.idToken, post_logout_redirect_uri: to })
      return url
    },
  },
  as.jwks_uri,
)
