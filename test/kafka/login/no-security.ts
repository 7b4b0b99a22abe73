/** Settings without TLS and login. A test replaces what it needs. */
import type { SecuritySettings } from '../../../src/kafka/login/security.ts';

export const NO_SECURITY: SecuritySettings = {
  type: 'none',
  user: undefined,
  password: undefined,
  oauth: {
    tokenEndpoint: undefined,
    clientId: undefined,
    clientSecret: undefined,
    scope: undefined,
    audience: undefined,
    caFile: undefined,
    tokenFile: undefined,
    extensions: [],
  },
  tls: { enabled: false, caFile: undefined, certFile: undefined, keyFile: undefined, keyPassword: undefined },
};
