import { RequestMethod, type Type, UseInterceptors } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { ACCESS } from '@soko/identity';
import { AdminController } from './admin.controller.js';
import { ApiKeysController } from './api-keys.controller.js';
import { AuditController } from './audit.controller.js';
import { AuthController } from './auth.controller.js';
import { BotWebhookController } from './bot-webhook/bot-webhook.controller.js';
import { BroadcastsController } from './broadcasts.controller.js';
import { ChannelsController } from './channels.controller.js';
import { ContactsController } from './contacts.controller.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { DeliveriesController } from './deliveries.controller.js';
import { EventTypesController } from './event-types.controller.js';
import { HealthController } from './health.controller.js';
import { HistoryController } from './history.controller.js';
import { IdempotencyInterceptor, isOutsideUnits } from './idempotency.interceptor.js';
import { MediaController, MediaLinksController } from './media.controller.js';
import { MerchantController } from './merchant.controller.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { OrdersController } from './orders.controller.js';
import { PaymentMethodsController, PaymentsController } from './payments.controller.js';
import { PaymentsWebhookController } from './payments-webhook.controller.js';
import { ProductsCsvController } from './products-csv.controller.js';
import { ProductsController } from './products.controller.js';
import { SimulatorController } from './simulator.controller.js';
import { StaffPhonesController } from './staff-phones.controller.js';
import { TemplatesController } from './templates.controller.js';
import { TrackingController } from './tracking.controller.js';
import { UsersController } from './users.controller.js';
import { WebhooksController } from './webhooks.controller.js';
import { WhatsappController } from './whatsapp.controller.js';
import { WhatsappWebhookController } from './whatsapp-webhook.controller.js';

/** Every controller of the api, in the order in which the documentation shows them. */
export const CONTROLLERS: Type[] = [
  AuthController,
  UsersController,
  StaffPhonesController,
  ApiKeysController,
  MerchantController,
  ChannelsController,
  WhatsappController,
  ContactsController,
  SimulatorController,
  TemplatesController,
  BroadcastsController,
  MediaController,
  MediaLinksController,
  ProductsController,
  ProductsCsvController,
  OrdersController,
  PaymentsController,
  PaymentMethodsController,
  DeliveriesController,
  TrackingController,
  WebhooksController,
  EventTypesController,
  HistoryController,
  WhatsappWebhookController,
  PaymentsWebhookController,
  BotWebhookController,
  AuditController,
  AdminController,
  DeadLettersController,
  HealthController,
  MetricsController,
];

// Every POST that asks who calls, those of tomorrow too. Not as a global interceptor: each GET would pay for it, as bench:api showed.
for (const controller of CONTROLLERS) {
  const prototype = controller.prototype as object;
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    const method = descriptor.value as object;
    const isPublic = (Reflect.getMetadata(ACCESS, method) ?? Reflect.getMetadata(ACCESS, controller)) === 'public';
    if (Reflect.getMetadata(METHOD_METADATA, method) === RequestMethod.POST && !isPublic && !isOutsideUnits(method))
      UseInterceptors(IdempotencyInterceptor)(prototype, name, descriptor);
  }
}
