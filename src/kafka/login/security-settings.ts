/** How to log in to the brokers; the settings `kafka.security` have this shape. */
export interface TlsSettings {
  readonly enabled: boolean;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly keyPassword: string | undefined;
}

export interface OauthSettings {
  readonly tokenEndpoint: string | undefined;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly scope: string | undefined;
  readonly audience: string | undefined;
  readonly caFile: string | undefined;
  readonly tokenFile: string | undefined;
  /** `name=value`, as in RFC 7628, 3.1. */
  readonly extensions: readonly string[];
}

export interface SecuritySettings {
  readonly type: 'none' | 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER' | 'GSSAPI';
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly principal: string | undefined;
  readonly keytab: string | undefined;
  readonly realm: string | undefined;
  readonly serviceName: string;
  readonly refreshIntervalSeconds: number;
  readonly oauth: OauthSettings;
  readonly tls: TlsSettings;
}
