export { OrderProcessor } from './order.processor.js';
export { OrderService } from './order.service.js';
export { allowedActions, type OrderAction, ORDER_ACTIONS, transition } from './order-state.js';
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
export { InvalidTransitionError, TotalTooLargeError, UnknownProductError } from './orders.errors.js';
export { OrdersModule } from './orders.module.js';
