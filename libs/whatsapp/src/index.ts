export { PhoneMessageBody, PhoneMessageView, PhoneQuery, PhoneWroteView, ReceiptBody } from './simulator.dto.js';
export { SimulatorService } from './simulator.service.js';
export { type Transport, type TransportChannel, TransportError, type TransportMessage } from './transport.js';
export { Transports } from './transports.js';
export { WhatsappModule } from './whatsapp.module.js';
