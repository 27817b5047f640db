package conformance

// basicPlan is oidcc-basic-certification-test-plan.
func basicPlan() plan {
	return plan{"oidcc-basic-certification-test-plan", []variant{{"code", ""}}, coreModules()}
}
