// openid-client, as an application on node uses it.
import * as client from 'openid-client'
import { converse, refused, visit, want } from './dialogue.mjs'

async function authentication(task) {
  switch (task.method) {
    case 'client_secret_basic':
      return client.ClientSecretBasic(task.client_secret)
    case 'client_secret_post':
      return client.ClientSecretPost(task.client_secret)
    case 'client_secret_jwt':
      return client.ClientSecretJwt(task.client_secret)
    case 'private_key_jwt': {
      const key = await crypto.subtle.importKey('jwk', task.key, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
      return client.PrivateKeyJwt({ key, kid: task.key.kid })
    }
    case 'none':
      return client.None()
  }
  throw new Error(`no method ${task.method}`)
}

async function configuration(task) {
  const metadata = { id_token_signed_response_alg: task.id_token_alg ?? 'RS256' }
  const config = await client.discovery(new URL(task.issuer), task.client_id, metadata, await authentication(task))
  client.enableNonRepudiationChecks(config) // verify the ID token's signature too
  return config
}

// login runs the code flow with PKCE, state and nonce.
async function login(config, task, more = {}) {
  const verifier = client.randomPKCECodeVerifier()
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  }
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: task.redirect_uri,
    scope: task.scope,
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...more,
  })
  const callback = await visit(url)
  const tokens = await client.authorizationCodeGrant(config, callback, checks)
  return { tokens, callback, checks }
}

const flows = {
  // A login, and all that an application does with it until the logout.
  async code(task) {
    const config = await configuration(task)
    const { tokens, callback, checks } = await login(config, task)
    const claims = tokens.claims()
    const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
    want(userinfo.email === task.email, `userinfo: email is ${userinfo.email}`)

    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
    want(refreshed.claims()?.sub === claims.sub, 'another sub after the refresh')
    await client.fetchUserInfo(config, refreshed.access_token, claims.sub)

    if (task.method !== 'none') {
      const active = await client.tokenIntrospection(config, refreshed.access_token)
      want(active.active && active.sub === claims.sub && active.client_id === task.client_id, `introspection: ${JSON.stringify(Object.keys(active))}`)
    }
    await client.tokenRevocation(config, refreshed.refresh_token)
    await refused(client.refreshTokenGrant(config, refreshed.refresh_token), 'invalid_grant')
    if (task.method !== 'none') {
      const dead = await client.tokenIntrospection(config, refreshed.refresh_token)
      want(dead.active === false, 'the revoked refresh token is active')
    }
    await refused(client.authorizationCodeGrant(config, callback, checks), 'invalid_grant')

    if (task.post_logout_redirect_uri) {
      const state = client.randomState()
      const end = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: task.post_logout_redirect_uri, state })
      const back = await visit(end)
      want(back.searchParams.get('state') === state, 'state is missing after the logout')
      await refused(login(config, task, { prompt: 'none' }), 'login_required')
    }
    return { sub: claims.sub }
  },

  async client_credentials(task) {
    const config = await configuration(task)
    const tokens = await client.clientCredentialsGrant(config)
    want(tokens.access_token && !tokens.refresh_token, 'no access token, or a refresh token')
    const active = await client.tokenIntrospection(config, tokens.access_token)
    want(active.active && active.client_id === task.client_id, 'introspection says inactive')
    await client.tokenRevocation(config, tokens.access_token)
    want(!(await client.tokenIntrospection(config, tokens.access_token)).active, 'active after the revocation')
    return { sub: active.sub }
  },

  // The provider says no: the application gets an error that it understands.
  async refused(task) {
    const config = await configuration(task)
    await refused(login(config, task, { prompt: 'none' }), 'login_required')
    await refused(login(config, task, { request: 'eyJhbGciOiJub25lIn0.e30.' }), 'request_not_supported')
    return {}
  },
}

await converse((task) => flows[task.flow](task))
