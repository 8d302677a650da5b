import { AppError } from '@soko/common';

export class BadSignatureError extends AppError {
  constructor() {
    super(
      401,
      'bad_signature',
      'X-Hub-Signature-256 does not sign this body with the app secret of the channel; check appSecret.',
    );
  }
}
export class HandshakeError extends AppError {
  constructor() {
    super(403, 'handshake_refused', 'hub.verify_token is not the verifyToken of the channel, or hub.mode is not subscribe.');
  }
}
