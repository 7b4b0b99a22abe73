/** The check of Data.Rentgen's personal tokens: believed, not expired, not revoked. */
import { PersonalTokenVerifier, type Algorithm } from './personal-token-claims.ts';
import type { Standing, TokenId } from './revocations.ts';
import { invalidToken, undecided, type TokenCheck } from '../sender.ts';

/** Who knows which tokens are revoked. */
export interface RevocationSource {
  standingOf(token: TokenId): Promise<Standing>;
}

export interface PersonalTokenSettings {
  readonly secretKey: string;
  readonly algorithm: Algorithm;
}

const UNDECIDED = undecided('Whether the token is revoked cannot be told now');

/**
 * A check of tokens without their prefix `personal_token_`. Without `revocations`, one is good until it expires. Answers,
 * reasons and their order are Data.Rentgen's (data_rentgen/server/providers/auth/personal_token_provider.py).
 */
export function personalTokenCheck(
  { secretKey, algorithm }: PersonalTokenSettings,
  revocations: RevocationSource | undefined,
): TokenCheck {
  const verifier = new PersonalTokenVerifier(secretKey, algorithm);
  return async (token) => {
    const judged = await verifier.judge(token);
    if (judged.rejection) return judged;
    const { jti, sub_id: userId, token_name: tokenName, preferred_username: name, exp } = judged.claims;
    const tokenId = jti.toLowerCase();
    const standing = await revocations?.standingOf({ userId, tokenId });
    if (standing?.state === 'unknown') return UNDECIDED;
    if (standing?.state === 'revoked') {
      return invalidToken('revoked', `PersonalToken name='${tokenName}', id=${tokenId} is revoked`);
    }
    // PyJWT takes seconds by whole ones.
    const expiresAt = Math.floor(exp) * 1000;
    return {
      sender: { way: 'personal-token', name },
      holdsUntil: Math.min(expiresAt, standing?.until ?? expiresAt),
    };
  };
}
