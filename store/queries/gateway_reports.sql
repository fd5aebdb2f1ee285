-- What does the gateway report about itself? The one row of the view `gateway_reports`.
FROM gateway_reports
