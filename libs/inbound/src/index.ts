export { headerIn, idIn, type InboundCall, type InboundVerifier } from './inbound-verifier.js';
export { HUB_SIGNATURE, isSameText, isSignedBy } from './signature.js';
export { keyOf, newSecret, verifiedId } from './standard-webhook.js';
export { InboundGuard, Proof, VERIFIED_BY, VerifiedBy } from './verified-by.js';
