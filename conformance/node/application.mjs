// An application on node: a server with sessions of its own. What it is asked to say
// in the protocol, a library says; logout tokens are read with jose.
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { createRemoteJWKSet, jwtVerify } from 'jose'

export const task = JSON.parse(readFileSync(0, 'utf8'))
export const redirectURI = `${task.origin}/callback`

const cookie = (name, value) => `__Host-${name}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax`
const event = 'http://schemas.openid.net/event/backchannel-logout'

// serve runs the application. library has begin, redeem, refresh and endSession.
export function serve(library, jwksURI) {
  const sessions = new Map() // by the value of the cookie
  const journeys = new Map() // by the cookie of who is on the way
  const keys = createRemoteJWKSet(new URL(jwksURI))
  const end = (gone) => {
    for (const [id, session] of sessions) if (gone(session)) sessions.delete(id)
  }

  const routes = {
    'GET /ping': () => ({ body: 'here' }),
    'GET /bye': () => ({ body: 'signed out' }),
    async 'GET /'({ session }) {
      if (session) {
        const digest = createHash('sha256').update(session.accessToken).digest('hex')
        return { body: `${session.email} is signed in, the access token is ${digest}` }
      }
      const id = randomUUID()
      const { url, checks } = await library.begin()
      journeys.set(id, checks)
      return { to: url, cookies: [cookie('journey', id)] }
    },
    async 'GET /callback'({ url, cookies }) {
      const checks = journeys.get(cookies.journey)
      journeys.delete(cookies.journey)
      if (!checks) throw new Error('nobody is on the way')
      const id = randomUUID()
      sessions.set(id, await library.redeem(url, checks))
      return { to: '/', cookies: [cookie('app', id)] }
    },
    async 'GET /refresh'({ session, cookies }) {
      sessions.set(cookies.app, { ...session, ...(await library.refresh(session)) })
      return { to: '/' }
    },
    'GET /logout'({ session, cookies }) {
      sessions.delete(cookies.app)
      return { to: library.endSession(session, `${task.origin}/bye`) }
    },
    // OIDC Front-Channel Logout 1.0, section 2
    'GET /front'({ url }) {
      const sid = url.searchParams.get('sid')
      if (url.searchParams.get('iss') !== task.issuer || !sid) throw new Error('not from the provider')
      end((session) => session.sid === sid)
      return { body: 'done' }
    },
    // OIDC Back-Channel Logout 1.0, section 2.6
    async 'POST /back'({ form }) {
      const { payload } = await jwtVerify(form.get('logout_token'), keys, {
        issuer: task.issuer,
        audience: task.client_id,
        typ: 'logout+jwt',
        requiredClaims: ['iat', 'exp', 'jti', 'events'],
      })
      if (!payload.events[event] || 'nonce' in payload || !(payload.sid || payload.sub)) throw new Error('no logout token')
      end((session) => (payload.sid ? session.sid === payload.sid : session.sub === payload.sub))
      return { body: 'done' }
    },
  }

  createServer({ cert: readFileSync(task.cert_file), key: readFileSync(task.key_file) }, async (request, response) => {
    const url = new URL(request.url, task.origin)
    const cookies = Object.fromEntries((request.headers.cookie ?? '').split('; ').map((pair) => pair.replace('__Host-', '').split('=')))
    let body = ''
    for await (const part of request) body += part
    response.setHeader('cache-control', 'no-store')
    response.setHeader('content-type', 'text/plain')
    try {
      const route = routes[`${request.method} ${url.pathname}`]
      if (!route) throw new Error('no such page')
      const answer = await route({ url, cookies, session: sessions.get(cookies.app), form: new URLSearchParams(body) })
      if (answer.cookies) response.setHeader('set-cookie', answer.cookies)
      if (answer.to) response.setHeader('location', String(answer.to))
      response.writeHead(answer.to ? 303 : 200).end(answer.body)
    } catch (err) {
      console.error(`${request.method} ${url.pathname}`, err)
      response.writeHead(400).end(String(err))
    }
  }).listen(Number(new URL(task.origin).port), '127.0.0.1')
}
