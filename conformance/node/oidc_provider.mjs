// A provider that people sign in with elsewhere: oidc-provider, with the pages that
// it has for development. It believes every password.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import Provider from 'oidc-provider'

const task = JSON.parse(readFileSync(0, 'utf8'))
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
const provider = new Provider(task.issuer, {
  clients: [
    {
      client_id: task.client_id,
      client_secret: task.client_secret,
      redirect_uris: [task.redirect_uri],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [{ ...key, use: 'sig', alg: 'ES256', kid: 'one' }] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, login) => ({
    accountId: login,
    claims: () => ({ sub: login, email: `${login}@example.test`, email_verified: true, name: login }),
  }),
})
createServer({ cert: readFileSync(task.cert_file), key: readFileSync(task.key_file) }, provider.callback()).listen(
  Number(new URL(task.issuer).port),
  '127.0.0.1',
)
