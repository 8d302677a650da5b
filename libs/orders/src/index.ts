export { FulfilmentService } from './fulfilment.service.js';
export { OrderProcessor } from './order.processor.js';
export type { CustomerOrder } from './order.row.js';
export { OrderService } from './order.service.js';
export { OrderPaymentService } from './order-payment.service.js';
export { allowedActions, MANUAL_ACTIONS, type OrderAction, ORDER_ACTIONS, transition } from './order-state.js';
export {
  OrderHistoryView,
  OrderItemView,
  OrderQuery,
  OrderSummaryView,
  OrderView,
  PlacedOrderView,
  PlaceOrderBody,
  TransitionBody,
} from './orders.dto.js';
export { InvalidTransitionError, OrderEndedError, TotalTooLargeError, UnknownProductError } from './orders.errors.js';
export { OrdersModule } from './orders.module.js';
