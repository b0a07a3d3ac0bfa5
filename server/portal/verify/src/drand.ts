import { bls12_381 } from '@noble/curves/bls12-381.js'
import { sha256 } from '@noble/hashes/sha2.js'

const PUBLIC_KEY =
  '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a'
const SUITE = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_'

/** Whether a round of quicknet is signed by the chain's key (SPEC.md §4.1). */
export function drandIsSigned(round: number, signature: string): boolean {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(round))
  const scheme = bls12_381.shortSignatures
  try {
    const message = scheme.hash(sha256(bytes), SUITE)
    return scheme.verify(scheme.Signature.fromHex(signature), message, bls12_381.G2.Point.fromHex(PUBLIC_KEY))
  } catch {
    // No point of the curve.
    return false
  }
}
