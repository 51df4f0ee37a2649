/*! To come. */
