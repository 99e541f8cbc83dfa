/** Bandwidth of the underlay for links (VRESERVE). */
export { chooseReservations, type ReserveOptions } from './choose.js';
export type { LinkWish, Outcome, ReservationDriver } from './driver.js';
export { NoReservations } from './no-driver.js';
export { Reservations } from './reservations.js';
