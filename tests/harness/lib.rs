/*! Starts Envoy. */
