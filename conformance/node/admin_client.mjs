// Runs the administration through its generated client for TypeScript, as an
// operator's program does.
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node'
import { BadRequestSchema } from '@elloloop/identity-admin/error_details'
import { UserRole, UserService } from '@elloloop/identity-admin/user_service'
import { converse, want } from './dialogue.mjs'

const transports = { connect: createConnectTransport, grpc: createGrpcTransport }

await converse(async (task) => {
  const users = (token) =>
    createClient(
      UserService,
      transports[task.protocol]({
        baseUrl: task.issuer,
        httpVersion: '2',
        useBinaryFormat: task.binary,
        interceptors: [
          (next) => (req) => {
            if (token) req.header.set('Authorization', `Bearer ${token}`)
            return next(req)
          },
        ],
      }),
    )
  const api = users(task.token)
  const projectId = task.project

  const { user } = await api.createUser({ projectId, user: { email: task.email, name: 'Jane Doe', role: UserRole.MEMBER } })
  want(user.id && user.etag, 'an account without an id or an etag')
  want(user.email === task.email && user.role === UserRole.MEMBER, `created ${user.email} as ${user.role}`)

  const { user: changed } = await api.updateUser({
    projectId,
    user: { id: user.id, etag: user.etag, name: 'Jane Roe', email: 'left@example.test' },
    updateMask: { paths: ['name'] },
  })
  want(changed.name === 'Jane Roe' && changed.email === task.email, `updated to ${changed.name}, ${changed.email}`)
  want(changed.etag !== user.etag, 'the etag is the old one')

  const { users: listed } = await api.listUsers({ projectId, pageSize: 100 })
  want(listed.find((u) => u.id === user.id)?.name === 'Jane Roe', 'the list lacks the account as it now is')

  const stale = await refused(api.updateUser({ projectId, user: { id: user.id, etag: user.etag, name: 'x' }, updateMask: { paths: ['name'] } }))
  want(stale.code === Code.Aborted, `an old etag: ${stale.message}`)

  const taken = await refused(api.createUser({ projectId, user: { email: task.email } }))
  want(taken.code === Code.AlreadyExists, `the address again: ${taken.message}`)
  const fields = taken.findDetails(BadRequestSchema).flatMap((d) => d.fieldViolations.map((v) => v.field))

  const stranger = await refused(users('').listUsers({ projectId }))
  want(stranger.code === Code.Unauthenticated, `no token: ${stranger.message}`)
  const guess = await refused(users('not-the-token').listUsers({ projectId }))
  want(guess.code === Code.Unauthenticated, `a wrong token: ${guess.message}`)

  return { id: user.id, fields, challenge: guess.metadata.get('WWW-Authenticate') }
})

async function refused(promise) {
  let answer
  try {
    answer = await promise
  } catch (err) {
    return ConnectError.from(err)
  }
  throw new Error(`accepted: ${Object.keys(answer)}`)
}
